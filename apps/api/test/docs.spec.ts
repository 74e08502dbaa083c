import { ApiWorld } from './api-world.js';

/** Its library is loaded only now, which takes its time on a busy machine. */
const DEADLINE_MS = 60_000;

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { summary?: string; responses: object }>>>>;
}

describe('the description of the API', () => {
  it(
    'names every route, with a summary and its answers, and is made from the running controllers',
    async () => {
      const world = await ApiWorld.open();
      const { body, status } = await world.send('GET', '/docs/openapi.json', { token: null });
      expect(status).toBe(200);
      // Only what is read below is described; the assertions would find anything else missing.
      const { paths } = body as unknown as OpenApi;
      const routes = Object.entries(paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, of]) => ({ route: `${method} ${path}`, ...of })),
      );
      expect(routes.map(({ route }) => route)).toEqual(
        expect.arrayContaining([
          'post /v2/volumes',
          'get /v2/volumes/{id}',
          'get /ops/v1/volumes/{id}/truth',
          'post /ops/v1/intents/{id}/resume',
        ]),
      );
      expect(
        routes.filter(({ responses, summary }) => !summary || Object.keys(responses).length === 0),
      ).toEqual([]);
      const page = await world.send('GET', '/docs', { token: null });
      expect(page.text).toContain('swagger-ui');
      expect((await world.send('GET', '/docs/swagger-ui-bundle.js', { token: null })).status).toBe(200);
      await world.close();
    },
    DEADLINE_MS,
  );
});
