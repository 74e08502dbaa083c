import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  Param,
  Post,
  Query,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import { volumeIdOf } from '@plumbline/domain';
import type { AccountAsRead, ActionRecord, RegionSlug, VolumeId } from '@plumbline/domain';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe, PAGING } from '../docs/description.js';
import { CallerOf, CustomerGuard } from '../http/bearer.guard.js';
import type { Caller } from '../http/caller.js';
import { Links } from '../http/links.js';
import { pageOf, parameter, slicePage } from '../http/paging.js';
import type { Query as QueryOf } from '../http/paging.js';
import { respondsAsync } from '../http/prefer.js';
import { createBody, parseCreate } from './bodies.js';
import { Creations } from './creation.js';
import { Deletions } from './deletion.js';
import { Presenter } from './presenter.js';
import { errorShape, listShape, recordedShape, volumeShape } from './shapes.js';
import { VolumeFinder, bothOf, idOf } from './volume-finder.js';
import type { VolumeFilter } from './volume-finder.js';

const NAMED = { name: 'Exact name.', region: 'Slug of the region.' };
const PREFER = { Prefer: '`respond-async`: answer 202 with the action as soon as it is recorded.' };

@Controller('v2/volumes')
@UseGuards(CustomerGuard)
export class VolumesController {
  constructor(
    private readonly finder: VolumeFinder,
    private readonly creations: Creations,
    private readonly deletions: Deletions,
    private readonly presenter: Presenter,
    private readonly links: Links,
  ) {}

  @Get()
  @Describe({
    summary: 'List volumes',
    query: { ...NAMED, ...PAGING },
    answers: { 200: listShape('volumes', volumeShape) },
  })
  async list(@CallerOf() caller: Caller, @Req() request: FastifyRequest, @Query() query: QueryOf) {
    const matching = await caller.read((account) => this.finder.matching(account, filterOf(query)));
    const items = slicePage(matching, pageOf(query)).map((record) => this.presenter.volume(record));
    return this.links.list(request, { key: 'volumes', items, total: matching.length });
  }

  @Get(':id')
  @Describe({ summary: 'One volume', answers: { 200: z.object({ volume: volumeShape }), 404: errorShape } })
  async get(@CallerOf() caller: Caller, @Param('id') id: string) {
    const record = await caller.read((account) => this.finder.one(account, id));
    return { volume: this.presenter.volume(record) };
  }

  @Post()
  @Describe({
    summary: 'Create a volume',
    about:
      'Answers when the volume is there and can be attached. `503` with `pending` means that it goes on.',
    headers: {
      ...PREFER,
      'Idempotency-Key':
        'A request repeated with the same key and body makes no second volume, for 24 hours.',
    },
    body: createBody,
    answers: {
      201: z.object({ volume: volumeShape }),
      202: recordedShape,
      403: errorShape,
      409: errorShape,
      422: errorShape,
      503: errorShape,
    },
  })
  async create(
    @CallerOf() caller: Caller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Headers('prefer') prefer: string | undefined,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Body() body: unknown,
  ) {
    const wait = !respondsAsync(prefer);
    const make = (account: AccountAsRead) =>
      this.creations.create({
        account,
        wish: parseCreate(body),
        requestId: request.id,
        idempotencyKey,
        wait,
      });
    // With a key the answer may be an earlier request's, and nothing is recorded now.
    const made = await caller.admit(make, { askFirst: idempotencyKey !== undefined });
    if ('action' in made) return this.recorded(request, reply, made.action);
    return { volume: this.presenter.volume(made.volume) };
  }

  @Delete(':id')
  @Describe({
    summary: 'Delete a volume',
    headers: PREFER,
    answers: { 202: recordedShape, 204: null, 404: errorShape, 409: errorShape },
  })
  async remove(
    @CallerOf() caller: Caller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Headers('prefer') prefer: string | undefined,
    @Param('id') id: string,
  ) {
    return await this.end(request, reply, {
      caller,
      wait: !respondsAsync(prefer),
      find: async () => idOf(id),
    });
  }

  @Delete()
  @Describe({
    summary: 'Delete a volume by name and region',
    query: NAMED,
    headers: PREFER,
    answers: { 202: recordedShape, 204: null, 404: errorShape, 409: errorShape, 422: errorShape },
  })
  async removeNamed(
    @CallerOf() caller: Caller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Headers('prefer') prefer: string | undefined,
    @Query() query: QueryOf,
  ) {
    const find = ({ id }: AccountAsRead) => this.finder.idNamed(id, bothOf(filterOf(query)));
    return await this.end(request, reply, { caller, wait: !respondsAsync(prefer), find });
  }

  private async end(
    request: FastifyRequest,
    reply: FastifyReply,
    by: { caller: Caller; wait: boolean; find: (account: AccountAsRead) => Promise<VolumeId> },
  ) {
    const { caller, wait, find } = by;
    const action = await caller.admit(async (account) =>
      this.deletions.remove({ account, volumeId: await find(account), requestId: request.id, wait }),
    );
    if (action !== null) return this.recorded(request, reply, action);
    void reply.code(204);
    return undefined;
  }

  private recorded(request: FastifyRequest, reply: FastifyReply, action: ActionRecord) {
    const id = volumeIdOf(action.resource);
    const volume = this.links.to(request, `/v2/volumes/${id}`);
    const href = this.links.to(request, `/v2/actions/${action.n}`);
    void reply.code(202).headers({ location: href, 'preference-applied': 'respond-async' });
    return {
      action: this.presenter.action(action),
      links: { actions: [{ id: action.n, rel: action.type, href }], volume: { id, href: volume } },
    };
  }
}

function filterOf(query: QueryOf): VolumeFilter {
  return { name: parameter(query, 'name'), region: parameter(query, 'region') as RegionSlug | null };
}
