import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, UseGuards } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe, PAGING } from '../docs/description.js';
import { CallerOf, CustomerGuard } from '../http/bearer.guard.js';
import type { Caller } from '../http/caller.js';
import { Links } from '../http/links.js';
import { pageOf } from '../http/paging.js';
import type { Query as QueryOf } from '../http/paging.js';
import { ActionFinder } from './action-finder.js';
import { ActionRequests } from './action-requests.js';
import { parseType, parseVolumeNamed } from './bodies.js';
import { Presenter } from './presenter.js';
import { actionRequestShape, actionShape, errorShape, listShape } from './shapes.js';
import { VolumeFinder, idOf } from './volume-finder.js';

/** By name the contract knows these two only. */
const BY_NAME = ['attach', 'detach'];

@Controller('v2/volumes')
@UseGuards(CustomerGuard)
export class VolumeActionsController {
  constructor(
    private readonly volumes: VolumeFinder,
    private readonly actions: ActionFinder,
    private readonly requests: ActionRequests,
    private readonly presenter: Presenter,
    private readonly links: Links,
  ) {}

  @Post('actions')
  @HttpCode(202)
  @Describe({
    summary: 'Attach or detach a volume named by name and region',
    body: actionRequestShape,
    answers: { 202: z.object({ action: actionShape }), 404: errorShape, 422: errorShape },
  })
  async actByName(@CallerOf() caller: Caller, @Req() request: FastifyRequest, @Body() body: unknown) {
    const action = await caller.admit(async (account) => {
      parseType(body);
      const { volume_name: name, region } = parseVolumeNamed(body);
      const volumeId = await this.volumes.idNamed(account.id, { name, region });
      return this.requests.record({ account, volumeId, body, requestId: request.id, only: BY_NAME });
    });
    return { action: this.presenter.action(action) };
  }

  @Post(':id/actions')
  @HttpCode(202)
  @Describe({
    summary: 'Attach, detach or resize a volume',
    about: 'Answers as soon as the action is recorded. An action behind another one waits for it.',
    body: actionRequestShape,
    answers: { 202: z.object({ action: actionShape }), 404: errorShape, 422: errorShape, 429: errorShape },
  })
  async act(
    @CallerOf() caller: Caller,
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Body() body: unknown,
  ) {
    const action = await caller.admit(async (account) =>
      this.requests.record({ account, volumeId: idOf(id), body, requestId: request.id }),
    );
    return { action: this.presenter.action(action) };
  }

  @Get(':id/actions')
  @Describe({
    summary: 'Actions of a volume, newest first',
    query: PAGING,
    answers: { 200: listShape('actions', actionShape), 404: errorShape },
  })
  async list(
    @CallerOf() caller: Caller,
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Query() query: QueryOf,
  ) {
    const { actions, total } = await caller.read(async (account) => {
      const { id: volume } = await this.volumes.one(account, id);
      return await this.actions.page(account, { volume }, pageOf(query));
    });
    const items = actions.map((action) => this.presenter.action(action));
    return this.links.list(request, { key: 'actions', items, total });
  }

  @Get(':id/actions/:n')
  @Describe({
    summary: 'One action of a volume',
    answers: { 200: z.object({ action: actionShape }), 404: errorShape },
  })
  async get(@CallerOf() caller: Caller, @Param('id') id: string, @Param('n') n: string) {
    const action = await caller.read((account) => this.actions.one(account, { n, volume: idOf(id) }));
    return { action: this.presenter.action(action) };
  }
}
