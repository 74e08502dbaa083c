import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { INestApplication, Type } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { openApiOf } from './openapi.js';

/** The only files of the browser's side that are served. */
const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};

const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Plumbline</title><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="docs"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>
`;
const START = `SwaggerUIBundle({ url: '/docs/openapi.json', dom_id: '#docs' });\n`;

/** `/docs` for people and `/docs/openapi.json` for programs, made when first asked for. */
export function serveDocs(
  server: FastifyInstance,
  of: { app: INestApplication; controllers: readonly Type[] },
): void {
  let document: Promise<object> | null = null;
  server.get('/docs', (_request, reply) => reply.type('text/html; charset=utf-8').send(PAGE));
  server.get('/docs/start.js', (_request, reply) => reply.type('text/javascript; charset=utf-8').send(START));
  server.get('/docs/openapi.json', async () => {
    document ??= openApiOf(of.app, of.controllers);
    return await document;
  });
  for (const [name, type] of Object.entries(ASSETS))
    server.get(`/docs/${name}`, (_request, reply) =>
      reply.type(type).send(createReadStream(join(assetsDirectory(), name))),
    );
}

/** Comes with the library that makes the document. */
function assetsDirectory(): string {
  const swagger = createRequire(import.meta.url).resolve('@nestjs/swagger');
  return dirname(createRequire(swagger).resolve('swagger-ui-dist/package.json'));
}
