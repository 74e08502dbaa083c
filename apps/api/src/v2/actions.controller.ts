import { Controller, Get, Param, Query, Req, UseGuards } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe, PAGING } from '../docs/description.js';
import { CallerOf, CustomerGuard } from '../http/bearer.guard.js';
import type { Caller } from '../http/caller.js';
import { Links } from '../http/links.js';
import { pageOf } from '../http/paging.js';
import type { Query as QueryOf } from '../http/paging.js';
import { ActionFinder } from './action-finder.js';
import { Presenter } from './presenter.js';
import { actionShape, errorShape, listShape } from './shapes.js';

@Controller('v2/actions')
@UseGuards(CustomerGuard)
export class ActionsController {
  constructor(
    private readonly actions: ActionFinder,
    private readonly presenter: Presenter,
    private readonly links: Links,
  ) {}

  @Get()
  @Describe({
    summary: 'Actions of the account, newest first',
    query: PAGING,
    answers: { 200: listShape('actions', actionShape) },
  })
  async list(@CallerOf() caller: Caller, @Req() request: FastifyRequest, @Query() query: QueryOf) {
    const { actions, total } = await caller.read((account) => this.actions.page(account, {}, pageOf(query)));
    const items = actions.map((action) => this.presenter.action(action));
    return this.links.list(request, { key: 'actions', items, total });
  }

  @Get(':n')
  @Describe({ summary: 'One action', answers: { 200: z.object({ action: actionShape }), 404: errorShape } })
  async get(@CallerOf() caller: Caller, @Param('n') n: string) {
    const action = await caller.read((account) => this.actions.one(account, { n }));
    return { action: this.presenter.action(action) };
  }
}
