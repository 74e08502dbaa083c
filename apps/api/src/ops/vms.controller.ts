import { Body, Controller, Get, Param, Put, Query, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe, PAGING } from '../docs/description.js';
import { OperatorGuard } from '../http/bearer.guard.js';
import { parseBody } from '../http/body.js';
import { Links } from '../http/links.js';
import { pageOf, slicePage } from '../http/paging.js';
import type { Query as QueryOf } from '../http/paging.js';
import { errorShape, listShape } from '../v2/shapes.js';
import { vmBody } from './bodies.js';
import { vmShape } from './shapes.js';
import { VmInventory } from './vm-inventory.js';

@Controller('ops/v1/vms')
@UseGuards(OperatorGuard)
export class VmsController {
  constructor(
    private readonly inventory: VmInventory,
    private readonly links: Links,
  ) {}

  @Get()
  @Describe({ summary: 'Virtual machines', query: PAGING, answers: { 200: listShape('vms', vmShape) } })
  async list(@Req() request: FastifyRequest, @Query() query: QueryOf) {
    const all = await this.inventory.all();
    return this.links.list(request, { key: 'vms', items: slicePage(all, pageOf(query)), total: all.length });
  }

  @Get(':n')
  @Describe({ summary: 'One virtual machine', answers: { 200: z.object({ vm: vmShape }), 404: errorShape } })
  async get(@Param('n') n: string) {
    return { vm: await this.inventory.one(n) };
  }

  @Put(':n')
  @Describe({
    summary: 'Enter a virtual machine, or change it',
    about: 'Region, host and account can be changed only while it holds no volume.',
    body: vmBody,
    answers: { 200: z.object({ vm: vmShape }), 201: z.object({ vm: vmShape }), 409: errorShape },
  })
  async put(@Res({ passthrough: true }) reply: FastifyReply, @Param('n') n: string, @Body() body: unknown) {
    const { vm, made } = await this.inventory.enter(n, parseBody(vmBody, body));
    void reply.code(made ? 201 : 200);
    return { vm };
  }
}
