import { Body, Controller, HttpCode, Param, Post, Req, UseGuards } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Describe } from '../docs/description.js';
import { OperatorGuard } from '../http/bearer.guard.js';
import { parseBody } from '../http/body.js';
import { errorShape } from '../v2/shapes.js';
import { adoptBody, releaseBody } from './adoption-bodies.js';
import { AdoptionDesk } from './adoption-desk.js';
import { interventionBody } from './bodies.js';
import { adoptionShape } from './shapes.js';

const REFUSED = { 404: errorShape, 409: errorShape, 422: errorShape, 503: errorShape } as const;

/** Images that come under management, and leave it. */
@Controller('ops/v1/volumes')
@UseGuards(OperatorGuard)
export class AdoptionsController {
  constructor(private readonly desk: AdoptionDesk) {}

  @Post('adopt')
  @Describe({
    summary: 'Make an existing image a volume of an account',
    about:
      'The image is given the volume’s name, and keeps its bytes. Its size is that of the image in whole GiB. Nobody may have it open.',
    body: adoptBody,
    answers: { 201: adoptionShape, ...REFUSED },
  })
  async adopt(@Req() request: FastifyRequest, @Body() body: unknown) {
    const wish = parseBody(adoptBody, body);
    return { adoption: await this.desk.adopt(wish, { ...wish, requestId: request.id }) };
  }

  @Post(':id/release')
  @HttpCode(200)
  @Describe({
    summary: 'End a volume and leave its image to others',
    about:
      'The image is given the name in the body, or released-<id>, and is nobody’s from then on: nothing purges it. Refused while the volume is attached.',
    body: releaseBody,
    answers: { 200: adoptionShape, ...REFUSED },
  })
  async release(@Req() request: FastifyRequest, @Param('id') id: string, @Body() body: unknown) {
    const { image, ...by } = parseBody(releaseBody, body);
    return { adoption: await this.desk.release(id, image, { ...by, requestId: request.id }) };
  }

  @Post(':id/adopt-size')
  @HttpCode(200)
  @Describe({
    summary: 'Record the size that a volume’s image has',
    about:
      'For an image that somebody has grown by hand. The account’s limit holds, and it is charged from then on.',
    body: interventionBody,
    answers: { 200: adoptionShape, ...REFUSED },
  })
  async adoptSize(@Req() request: FastifyRequest, @Param('id') id: string, @Body() body: unknown) {
    const by = parseBody(interventionBody, body);
    return { adoption: await this.desk.adoptSize(id, { ...by, requestId: request.id }) };
  }
}
