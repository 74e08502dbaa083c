import { Body, Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { Describe } from '../docs/description.js';
import { OperatorGuard } from '../http/bearer.guard.js';
import { parseBody } from '../http/body.js';
import { errorShape } from '../v2/shapes.js';
import { interventionBody } from './bodies.js';
import { HaltDesk } from './halt-desk.js';
import { haltShape } from './shapes.js';

/** A registry that was set back: everything stands still until an operator confirms it. */
@Controller('ops/v1/halt')
@UseGuards(OperatorGuard)
export class HaltController {
  constructor(private readonly desk: HaltDesk) {}

  @Get()
  @Describe({
    summary: 'Whether everything is halted, since when and why',
    about: 'With the registry’s tick, and what each witness outside it remembers.',
    answers: { 200: haltShape },
  })
  async show() {
    return await this.desk.show();
  }

  @Post()
  @HttpCode(200)
  @Describe({
    summary: 'Confirm the registry as it is, and go on',
    about:
      'What it has forgotten stays forgotten; what the sources still have of it is reported as discrepancies.',
    body: interventionBody,
    answers: { 200: haltShape, 409: errorShape, 422: errorShape },
  })
  async confirm(@Body() body: unknown) {
    return await this.desk.confirm(parseBody(interventionBody, body));
  }
}
