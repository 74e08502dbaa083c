import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import { notFound } from '@plumbline/domain';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe, PAGING } from '../docs/description.js';
import { OperatorGuard } from '../http/bearer.guard.js';
import { parseBody } from '../http/body.js';
import { Links } from '../http/links.js';
import { pageOf, slicePage } from '../http/paging.js';
import type { Query as QueryOf } from '../http/paging.js';
import { errorShape, listShape } from '../v2/shapes.js';
import { AccountBook } from './account-book.js';
import { accountBody, tokenBody } from './bodies.js';
import { accountRecordShape, tokenShape } from './shapes.js';

@Controller('ops/v1/accounts')
@UseGuards(OperatorGuard)
export class AccountsController {
  constructor(
    private readonly book: AccountBook,
    private readonly links: Links,
  ) {}

  @Get()
  @Describe({
    summary: 'Accounts',
    query: PAGING,
    answers: { 200: listShape('accounts', accountRecordShape) },
  })
  async list(@Req() request: FastifyRequest, @Query() query: QueryOf) {
    const all = await this.book.accounts();
    return this.links.list(request, {
      key: 'accounts',
      items: slicePage(all, pageOf(query)),
      total: all.length,
    });
  }

  @Get(':id')
  @Describe({
    summary: 'One account',
    answers: { 200: z.object({ account: accountRecordShape }), 404: errorShape },
  })
  async get(@Param('id') id: string) {
    return { account: await this.book.account(id) };
  }

  @Post()
  @Describe({
    summary: 'Make an account',
    about: 'A name that is there already is answered 200 with that account.',
    body: accountBody,
    answers: {
      200: z.object({ account: accountRecordShape }),
      201: z.object({ account: accountRecordShape }),
    },
  })
  async create(@Res({ passthrough: true }) reply: FastifyReply, @Body() body: unknown) {
    const { account, made } = await this.book.open(parseBody(accountBody, body));
    void reply.code(made ? 201 : 200);
    return { account };
  }

  @Get(':id/tokens')
  @Describe({
    summary: 'Tokens of an account, without their secrets',
    query: PAGING,
    answers: { 200: listShape('tokens', tokenShape), 404: errorShape },
  })
  async tokens(@Req() request: FastifyRequest, @Param('id') id: string, @Query() query: QueryOf) {
    const all = await this.book.tokensOf(id);
    return this.links.list(request, {
      key: 'tokens',
      items: slicePage(all, pageOf(query)),
      total: all.length,
    });
  }

  @Post(':id/tokens')
  @Describe({
    summary: 'Make a token',
    about: 'The secret is shown this once: only its hash is kept.',
    body: tokenBody,
    answers: { 201: z.object({ token: tokenShape, secret: z.string() }), 404: errorShape },
  })
  async createToken(@Param('id') id: string, @Body() body: unknown) {
    return await this.book.issue(id, parseBody(tokenBody, body).name);
  }

  @Delete(':id/tokens/:token')
  @HttpCode(204)
  @Describe({ summary: 'Revoke a token, at once', answers: { 204: null, 404: errorShape } })
  async revoke(@Param('id') id: string, @Param('token') token: string) {
    if (!(await this.book.revoke(id, token))) throw notFound();
  }
}
