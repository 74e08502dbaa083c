import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, UseGuards } from '@nestjs/common';
import { Refusal } from '@plumbline/domain';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe, PAGING } from '../docs/description.js';
import { OperatorGuard } from '../http/bearer.guard.js';
import { parseBody } from '../http/body.js';
import { Links } from '../http/links.js';
import { pageOf, slicePage } from '../http/paging.js';
import type { Query as QueryOf } from '../http/paging.js';
import { errorShape, listShape } from '../v2/shapes.js';
import { interventionBody } from './bodies.js';
import { DiscrepancyDesk, discrepancyIdOf } from './discrepancy-desk.js';
import { acceptBody } from './scrub-bodies.js';
import { ScrubControls } from './scrub-controls.js';
import { discrepancyShape } from './scrub-shapes.js';

/** Longer than this nobody remembers why something was accepted. */
const ACCEPTED_MAX_MS = 366 * 24 * 3600 * 1000;

const ONE = z.object({ discrepancy: discrepancyShape });
const JUDGED = { 200: ONE, 404: errorShape, 409: errorShape, 422: errorShape } as const;

/** Where record and sources differ. */
@Controller('ops/v1/discrepancies')
@UseGuards(OperatorGuard)
export class DiscrepanciesController {
  constructor(
    private readonly desk: DiscrepancyDesk,
    private readonly controls: ScrubControls,
    private readonly links: Links,
  ) {}

  @Get()
  @Describe({
    summary: 'Where record and sources differ',
    about: 'Each with its state, what is done about it, and the page of the documentation that helps.',
    query: {
      facet: 'Of this facet only, such as ceph.image.',
      class: 'missing, unexpected or different.',
      state: 'seen-once, confirmed, repairing, repaired, parked or accepted.',
      remedy: 'About which this is done, such as device-lost.',
      volume: 'Of this volume only.',
      ...PAGING,
    },
    answers: { 200: listShape('discrepancies', discrepancyShape), 422: errorShape },
  })
  async list(@Req() request: FastifyRequest, @Query() query: QueryOf) {
    const all = await this.desk.matching(query);
    const items = slicePage(all, pageOf(query));
    return this.links.list(request, { key: 'discrepancies', items, total: all.length });
  }

  @Get(':facet/:hash')
  @Describe({ summary: 'One discrepancy, with its history', answers: { 200: ONE, 404: errorShape } })
  async get(@Param('facet') facet: string, @Param('hash') hash: string) {
    return { discrepancy: await this.desk.one(discrepancyIdOf(facet, hash)) };
  }

  @Post(':facet/:hash/accept')
  @HttpCode(200)
  @Describe({
    summary: 'Accept a discrepancy for a time',
    about:
      'Nothing is repaired, nobody is called, and it counts for no brake until then, at most a year ahead. What becomes wrong in another way counts at once.',
    body: acceptBody,
    answers: JUDGED,
  })
  async accept(@Param('facet') facet: string, @Param('hash') hash: string, @Body() body: unknown) {
    const word = parseBody(acceptBody, body);
    const { now } = this.controls;
    if (word.until <= now || word.until > now + ACCEPTED_MAX_MS)
      throw new Refusal('unprocessable_entity', 'until must be in the future, at most a year ahead', {
        field: 'until',
      });
    return { discrepancy: await this.desk.accept(discrepancyIdOf(facet, hash), word) };
  }

  @Post(':facet/:hash/reopen')
  @HttpCode(200)
  @Describe({
    summary: 'Let a discrepancy count again',
    about: 'One that is parked or accepted; repairs are counted from nought again.',
    body: interventionBody,
    answers: JUDGED,
  })
  async reopen(@Param('facet') facet: string, @Param('hash') hash: string, @Body() body: unknown) {
    const word = parseBody(interventionBody, body);
    return { discrepancy: await this.desk.reopen(discrepancyIdOf(facet, hash), word) };
  }
}
