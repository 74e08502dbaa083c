import { Controller, Get, Req, UseGuards } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe, PAGING } from '../docs/description.js';
import { CallerOf, CustomerGuard } from '../http/bearer.guard.js';
import type { Caller } from '../http/caller.js';
import { Links } from '../http/links.js';
import { pageOf, slicePage } from '../http/paging.js';
import type { Query } from '../http/paging.js';
import { Presenter } from './presenter.js';
import { accountShape, listShape, regionShape } from './shapes.js';

@Controller('v2')
@UseGuards(CustomerGuard)
export class AccountController {
  constructor(
    private readonly presenter: Presenter,
    private readonly links: Links,
  ) {}

  @Get('account')
  @Describe({ summary: 'The account of the token', answers: { 200: z.object({ account: accountShape }) } })
  async account(@CallerOf() caller: Caller) {
    return { account: this.presenter.account(await caller.account()) };
  }

  @Get('regions')
  @Describe({ summary: 'List regions', query: PAGING, answers: { 200: listShape('regions', regionShape) } })
  async regions(@CallerOf() caller: Caller, @Req() request: FastifyRequest) {
    const regions = await caller.read(async () => this.presenter.regions());
    const items = slicePage(regions, pageOf(request.query as Query));
    return this.links.list(request, { key: 'regions', items, total: regions.length });
  }

  @Get('sizes')
  @Describe({
    summary: 'Sizes of virtual machines: none, they are not made here',
    query: PAGING,
    answers: { 200: listShape('sizes', z.object({})) },
  })
  async sizes(@CallerOf() caller: Caller, @Req() request: FastifyRequest) {
    const items = await caller.read(async () => []);
    return this.links.list(request, { key: 'sizes', items, total: 0 });
  }
}
