import { Body, Controller, Get, HttpCode, Param, Post, Query, UseGuards } from '@nestjs/common';
import { Describe } from '../docs/description.js';
import { OperatorGuard } from '../http/bearer.guard.js';
import { parseBody } from '../http/body.js';
import { errorShape } from '../v2/shapes.js';
import { interventionBody } from './bodies.js';
import { IntentDesk } from './intent-desk.js';
import { intentShape } from './shapes.js';

const VOLUME = {
  volume: "The intent's volume, if known: spares looking through all lanes, and finds what has settled.",
} as const;
const INTERVENED = { 200: intentShape, 404: errorShape, 409: errorShape, 422: errorShape } as const;

/** One intent, and what an operator may do when it waits for one. */
@Controller('ops/v1/intents/:id')
@UseGuards(OperatorGuard)
export class IntentsController {
  constructor(private readonly desk: IntentDesk) {}

  @Get()
  @Describe({
    summary: 'One intent',
    about: 'While it is pending its entry in the lane, with plan and ledger; afterwards its end.',
    query: VOLUME,
    answers: { 200: intentShape, 404: errorShape },
  })
  async get(@Param('id') id: string, @Query('volume') volume?: string) {
    return { intent: await this.desk.one({ id, volume }) };
  }

  @Post('resume')
  @HttpCode(200)
  @Describe({
    summary: 'Go on with a parked intent where it stopped',
    about: 'Each step looks before it acts.',
    query: VOLUME,
    body: interventionBody,
    answers: INTERVENED,
  })
  async resume(@Param('id') id: string, @Body() body: unknown, @Query('volume') volume?: string) {
    const operator = parseBody(interventionBody, body);
    return { intent: await this.desk.intervene({ id, volume }, 'resume', operator) };
  }

  @Post('undo')
  @HttpCode(200)
  @Describe({
    summary: 'Take back what a parked intent has built',
    about:
      'Before its commit only, and only while no step was begun that releases something. The reason becomes the message of the action, which the customer may read.',
    query: VOLUME,
    body: interventionBody,
    answers: INTERVENED,
  })
  async undo(@Param('id') id: string, @Body() body: unknown, @Query('volume') volume?: string) {
    const operator = parseBody(interventionBody, body);
    return { intent: await this.desk.intervene({ id, volume }, 'undo', operator) };
  }

  @Post('accept')
  @HttpCode(200)
  @Describe({
    summary: 'Leave the step at which a parked intent waits as it is',
    about:
      'Behind its commit only. The ledger says who accepted it and why; what is left over is nobody’s, and is reported as a discrepancy.',
    query: VOLUME,
    body: interventionBody,
    answers: INTERVENED,
  })
  async accept(@Param('id') id: string, @Body() body: unknown, @Query('volume') volume?: string) {
    const operator = parseBody(interventionBody, body);
    return { intent: await this.desk.intervene({ id, volume }, 'accept', operator) };
  }
}
