import { Body, Controller, Get, HttpCode, Param, Post, UseGuards } from '@nestjs/common';
import { z } from 'zod';
import { Describe } from '../docs/description.js';
import { OperatorGuard } from '../http/bearer.guard.js';
import { parseBody } from '../http/body.js';
import { errorShape } from '../v2/shapes.js';
import { RepairDesk } from './repair-desk.js';
import type { PlanFilter } from './repair-plan.js';
import { applyBody, planBody } from './scrub-bodies.js';
import { repairPlanShape, repairsShape } from './scrub-shapes.js';

const PLANNED = z.object({ plan: repairPlanShape });
const SHOWN = z.object({ repairs: repairsShape });

/** Repairs that a person has read before they are done. */
@Controller('ops/v1/repairs')
@UseGuards(OperatorGuard)
export class RepairsController {
  constructor(private readonly desk: RepairDesk) {}

  @Post('plan')
  @HttpCode(200)
  @Describe({
    summary: 'What would be repaired, and by what it was decided',
    about:
      'Of a volume, of a remedy, or of all. It changes nothing. What is only reported by its mode is in it too; what a brake, a pause, a person or a state holds is named with the reason.',
    body: planBody,
    answers: { 200: PLANNED, 422: errorShape },
  })
  async plan(@Body() body: unknown) {
    return { plan: await this.desk.plan(filterOf(parseBody(planBody, body))) };
  }

  @Post('apply')
  @HttpCode(202)
  @Describe({
    summary: 'Carry out a plan of repairs',
    about:
      'By its hash, and the filter it was made by. The scrubber that leads looks at each thing again within seconds, and repairs what is still as it was planned; the answer of `GET /ops/v1/repairs/{hash}` says what became of it.',
    body: applyBody,
    answers: { 202: SHOWN, 409: errorShape, 422: errorShape },
  })
  async apply(@Body() body: unknown) {
    const { by, hash, reason, ...filter } = parseBody(applyBody, body);
    return { repairs: await this.desk.apply(filterOf(filter), hash, { by, reason }) };
  }

  @Get(':hash')
  @Describe({
    summary: 'What became of a plan that was applied',
    about: 'Kept for a day.',
    answers: { 200: SHOWN, 404: errorShape },
  })
  async get(@Param('hash') hash: string) {
    return { repairs: await this.desk.one(hash) };
  }
}

function filterOf({ remedy, volume }: z.infer<typeof planBody>): PlanFilter {
  return { ...(remedy === undefined ? {} : { remedy }), ...(volume === undefined ? {} : { volume }) };
}
