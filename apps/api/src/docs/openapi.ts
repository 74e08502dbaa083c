import type { INestApplication, Type } from '@nestjs/common';
import { z } from 'zod';
import { DESCRIPTION } from './description.js';
import type { Description } from './description.js';

type Swagger = typeof import('@nestjs/swagger');

/** What statuses mean here, beside the shapes of their bodies. */
const STATUSES: Readonly<Record<number, string>> = {
  200: 'Here it is, or it was there already.',
  201: 'It is there now.',
  202: 'Recorded; it goes on.',
  204: 'Gone.',
  403: 'A limit of the account or the pool is reached.',
  404: 'There is no such thing.',
  409: 'In conflict with what stands.',
  422: 'A field is wrong; the message names it.',
  429: 'Too much at once; see retry-after.',
  503: 'Cannot be said now: the word in brackets tells whether it may still happen.',
};

/** OpenAPI of the controllers: routes as Nest serves them, shapes as the presenters are typed by. */
export async function openApiOf(app: INestApplication, controllers: readonly Type[]): Promise<object> {
  const swagger = await import('@nestjs/swagger');
  for (const controller of controllers) describeController(swagger, controller);
  const config = new swagger.DocumentBuilder()
    .setTitle('Plumbline')
    .setVersion('2')
    .setDescription('Block storage for customers under /v2, and its operation under /ops/v1.')
    .addBearerAuth()
    .addSecurityRequirements('bearer')
    .build();
  return swagger.SwaggerModule.createDocument(app, config);
}

function describeController(swagger: Swagger, controller: Type): void {
  const prototype = controller.prototype as object;
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const property = Object.getOwnPropertyDescriptor(prototype, name);
    const handler: unknown = property?.value;
    if (property === undefined || typeof handler !== 'function') continue;
    const description = Reflect.getMetadata(DESCRIPTION, handler) as Description | undefined;
    if (description === undefined) continue;
    for (const decorate of decoratorsOf(swagger, description)) decorate(prototype, name, property);
  }
}

function decoratorsOf(swagger: Swagger, description: Description): readonly MethodDecorator[] {
  const { about, answers, body, headers = {}, query = {}, summary } = description;
  return [
    swagger.ApiOperation({ summary, ...(about === undefined ? {} : { description: about }) }),
    ...Object.entries(query).map(([name, text]) =>
      swagger.ApiQuery({ name, description: text, required: false, type: String }),
    ),
    ...Object.entries(headers).map(([name, text]) =>
      swagger.ApiHeader({ name, description: text, required: false }),
    ),
    ...(body === undefined ? [] : [swagger.ApiBody({ schema: jsonSchemaOf(body, 'input') })]),
    ...Object.entries(answers).map(([status, shape]) =>
      swagger.ApiResponse({
        status: Number(status),
        description: STATUSES[Number(status)] ?? '',
        ...(shape === null ? {} : { schema: jsonSchemaOf(shape, 'output') }),
      }),
    ),
  ];
}

function jsonSchemaOf(shape: z.ZodType, io: 'input' | 'output') {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(shape, {
    io,
    target: 'openapi-3.0',
    unrepresentable: 'any',
  });
  return schema as unknown as Record<string, never>; // OpenAPI 3.0, as asked for; the types are those of JSON Schema.
}
