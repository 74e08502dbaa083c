import { Controller, Get, Param, Query, Req, UseGuards } from '@nestjs/common';
import { notFound, parseVolumeId, volumeResource } from '@plumbline/domain';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe, PAGING } from '../docs/description.js';
import { OperatorGuard } from '../http/bearer.guard.js';
import { Links } from '../http/links.js';
import { pageOf, slicePage } from '../http/paging.js';
import type { Query as QueryOf } from '../http/paging.js';
import { errorShape, listShape } from '../v2/shapes.js';
import { bootShape, laneShape, truthShape } from './shapes.js';
import { StateBooks } from './state-books.js';
import { Truths } from './truths.js';

/** What is going on: what waits, who lives, and what each source says. */
@Controller('ops/v1')
@UseGuards(OperatorGuard)
export class StateController {
  constructor(
    private readonly books: StateBooks,
    private readonly truths: Truths,
    private readonly links: Links,
  ) {}

  @Get('lanes')
  @Describe({
    summary: 'Volumes with unsettled intents',
    query: PAGING,
    answers: { 200: listShape('lanes', laneShape) },
  })
  async lanes(@Req() request: FastifyRequest, @Query() query: QueryOf) {
    const { page, perPage } = pageOf(query);
    const { items, total } = await this.books.lanes.page((page - 1) * perPage, perPage);
    return this.links.list(request, { key: 'lanes', items, total });
  }

  @Get('lanes/volume/:id')
  @Describe({
    summary: 'Unsettled intents of one volume, with their ledgers',
    answers: { 200: z.object({ lane: laneShape }), 404: errorShape },
  })
  async lane(@Param('id') id: string) {
    const volume = parseVolumeId(id);
    const lane = volume === null ? null : await this.books.lanes.find(volumeResource(volume));
    if (lane === null) throw notFound();
    return { lane };
  }

  @Get('boots')
  @Describe({
    summary: 'Processes that live, or have not been fenced yet',
    query: PAGING,
    answers: { 200: listShape('boots', bootShape) },
  })
  async boots(@Req() request: FastifyRequest, @Query() query: QueryOf) {
    const all = await this.books.boots.list();
    return this.links.list(request, {
      key: 'boots',
      items: slicePage(all, pageOf(query)),
      total: all.length,
    });
  }

  @Get('volumes/:id/truth')
  @Describe({
    summary: 'What each source says of a volume',
    about:
      'Each facet as its source shows it now, beside what the record leads one to expect. A source that does not answer in time is unknown. With what the scrubber has found of it.',
    answers: { 200: truthShape, 404: errorShape },
  })
  async truth(@Param('id') id: string) {
    const truth = await this.truths.of(id);
    if (truth === null) throw notFound();
    return truth;
  }
}
