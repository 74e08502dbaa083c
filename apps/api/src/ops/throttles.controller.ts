import { Body, Controller, Get, Param, Patch, Put, UseGuards } from '@nestjs/common';
import { UNTHROTTLED } from '@plumbline/domain';
import { z } from 'zod';
import { Describe } from '../docs/description.js';
import { OperatorGuard } from '../http/bearer.guard.js';
import { parseBody } from '../http/body.js';
import { errorShape } from '../v2/shapes.js';
import { throttleBody } from './bodies.js';
import { pendingShape, throttleShape } from './shapes.js';
import { ThrottleDesk } from './throttle-desk.js';

const ONE = { 200: z.object({ throttle: throttleShape }), 404: errorShape } as const;
const SET = { ...ONE, 409: errorShape, 422: errorShape } as const;

/** How fast each source is worked at: set for good, in effect within seconds, without a restart. */
@Controller('ops/v1/throttles')
@UseGuards(OperatorGuard)
export class ThrottlesController {
  constructor(private readonly desk: ThrottleDesk) {}

  @Get()
  @Describe({
    summary: 'Throttles of all sources',
    about:
      'What is set (null: as the workers are configured), what each worker does in effect with its circuit breakers, what waits in the queue, and which accounts have the most work waiting.',
    answers: { 200: z.object({ throttles: z.array(throttleShape), accounts: z.array(pendingShape) }) },
  })
  async list() {
    return { throttles: await this.desk.all(), accounts: this.desk.largest };
  }

  @Get(':source')
  @Describe({ summary: 'Throttle of one source', answers: ONE })
  async get(@Param('source') source: string) {
    return { throttle: await this.desk.one(source) };
  }

  @Put(':source')
  @Describe({
    summary: 'Throttle a source',
    about: 'What is not named, or null, is as the workers are configured, and not paused.',
    body: throttleBody,
    answers: SET,
  })
  async put(@Param('source') source: string, @Body() body: unknown) {
    const asked = parseBody(throttleBody, body);
    return { throttle: await this.desk.set(source, asked, () => UNTHROTTLED) };
  }

  @Patch(':source')
  @Describe({
    summary: 'Change the throttle of a source',
    about: 'What is not named stays.',
    body: throttleBody,
    answers: SET,
  })
  async patch(@Param('source') source: string, @Body() body: unknown) {
    const asked = parseBody(throttleBody, body);
    return { throttle: await this.desk.set(source, asked, (stands) => stands) };
  }
}
