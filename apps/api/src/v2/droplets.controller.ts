import { Controller, Get, Param, Query, Req, UseGuards } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe, PAGING } from '../docs/description.js';
import { CallerOf, CustomerGuard } from '../http/bearer.guard.js';
import type { Caller } from '../http/caller.js';
import { Links } from '../http/links.js';
import { pageOf, parameter, slicePage } from '../http/paging.js';
import type { Query as QueryOf } from '../http/paging.js';
import { VmFinder } from './vm-finder.js';
import { Presenter } from './presenter.js';
import { dropletShape, errorShape, listShape } from './shapes.js';

@Controller('v2/droplets')
@UseGuards(CustomerGuard)
export class DropletsController {
  constructor(
    private readonly vms: VmFinder,
    private readonly presenter: Presenter,
    private readonly links: Links,
  ) {}

  @Get()
  @Describe({
    summary: 'List virtual machines',
    query: {
      name: 'Exact name; capitals do not count.',
      tag_name: 'None has a tag.',
      type: '`gpus`: none has any.',
      ...PAGING,
    },
    answers: { 200: listShape('droplets', dropletShape) },
  })
  async list(@CallerOf() caller: Caller, @Req() request: FastifyRequest, @Query() query: QueryOf) {
    const filter = {
      name: parameter(query, 'name'),
      tag: parameter(query, 'tag_name'),
      type: parameter(query, 'type'),
    };
    const matching = await caller.read((account) => this.vms.matching(account, filter));
    const items = slicePage(matching, pageOf(query)).map((vm) => this.presenter.droplet(vm));
    return this.links.list(request, { key: 'droplets', items, total: matching.length });
  }

  @Get(':n')
  @Describe({
    summary: 'One virtual machine',
    answers: { 200: z.object({ droplet: dropletShape }), 404: errorShape },
  })
  async get(@CallerOf() caller: Caller, @Param('n') n: string) {
    const vm = await caller.read((account) => this.vms.one(account, n));
    return { droplet: this.presenter.droplet(vm) };
  }
}
