import { Body, Controller, Get, Headers, HttpCode, Param, Patch, Post, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Describe } from '../docs/description.js';
import { OperatorGuard } from '../http/bearer.guard.js';
import { parseBody } from '../http/body.js';
import { errorShape } from '../v2/shapes.js';
import { interventionBody } from './bodies.js';
import { scrubSettingsBody } from './scrub-bodies.js';
import { ScrubControls } from './scrub-controls.js';
import { textOf } from './scrub-report.js';
import { brakeShape, scrubReportShape, scrubShape, settingsShape } from './scrub-shapes.js';

/** The scrubber: how far it has come, and what it may do. */
@Controller('ops/v1/scrub')
@UseGuards(OperatorGuard)
export class ScrubController {
  constructor(private readonly controls: ScrubControls) {}

  @Get()
  @Describe({
    summary: 'How far the scrubber has come, and what holds it back',
    answers: { 200: scrubShape },
  })
  async show() {
    return await this.controls.show();
  }

  @Get('report')
  @Describe({
    summary: 'What the last pass has come to, and what stands now',
    about: 'With `Accept: text/plain` as text to be read.',
    headers: { accept: 'text/plain for text' },
    answers: { 200: scrubReportShape },
  })
  async report(
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const report = await this.controls.report();
    if (!accept?.includes('text/plain')) return report;
    void reply.type('text/plain; charset=utf-8');
    return textOf(report, this.controls.now);
  }

  @Patch('settings')
  @Describe({
    summary: 'Set what the scrubber may do',
    about:
      'Modes by name of remedy: `repair`, `report` (it is told, and nothing is done) or `off` (it is not looked at). What is not named stays.',
    body: scrubSettingsBody,
    answers: { 200: z.object({ settings: settingsShape }), 422: errorShape },
  })
  async set(@Body() body: unknown) {
    const { by, modes, paused, repairsPerHour } = parseBody(scrubSettingsBody, body);
    const settings = await this.controls.set(by, {
      ...(modes === undefined ? {} : { modes }),
      ...(paused === undefined ? {} : { paused }),
      ...(repairsPerHour === undefined ? {} : { repairsPerHour }),
    });
    return { settings };
  }

  @Post('brakes/:facet/release')
  @HttpCode(200)
  @Describe({
    summary: 'Let the repairs of a facet go on',
    about: 'As much as is wrong now is taken for looked at; more than that brakes again.',
    body: interventionBody,
    answers: { 200: z.object({ released: brakeShape }), 404: errorShape, 422: errorShape },
  })
  async release(@Param('facet') facet: string, @Body() body: unknown) {
    const operator = parseBody(interventionBody, body);
    return { released: await this.controls.release(facet, operator) };
  }
}
