import { timingSafeEqual } from 'node:crypto';
import { Injectable, createParamDecorator } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Callers, bearerOf, sha256Of, unauthorized } from './caller.js';
import type { Caller } from './caller.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sent it, where the route asks for a customer's token. */
    caller: Caller | null;
  }
}

/** A customer's token. Waits only for one it sees for the first time. */
@Injectable()
export class CustomerGuard implements CanActivate {
  constructor(private readonly callers: Callers) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const caller = this.callers.of(request.headers.authorization);
    if (caller instanceof Promise) return caller.then((learnt) => admitted(request, learnt));
    return admitted(request, caller);
  }
}

function admitted(request: FastifyRequest, caller: Caller): true {
  request.caller = caller;
  return true;
}

/** The caller that `CustomerGuard` let in. */
export const CallerOf = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
  if (caller === null) throw unauthorized();
  return caller;
});

/** The operators' own token, which is none of the customers'. */
export class OperatorToken {
  private readonly sha256: Buffer;

  constructor(token: string) {
    this.sha256 = Buffer.from(sha256Of(token));
  }

  isIn(authorization: string | undefined): boolean {
    const given = Buffer.from(sha256Of(bearerOf(authorization) ?? ''));
    return timingSafeEqual(given, this.sha256);
  }
}

@Injectable()
export class OperatorGuard implements CanActivate {
  constructor(private readonly token: OperatorToken) {}

  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    if (!this.token.isIn(headers.authorization)) throw unauthorized();
    return true;
  }
}
