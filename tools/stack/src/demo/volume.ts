import { ApiRefusal, type ApiClient } from '../api.js';
import { StackError } from '../errors.js';
import { regions } from '../parts/ceph-conf.js';
import { waitFor } from '../wait.js';

/** A fixed name, so that a demo finds what an interrupted one has left. */
const demoName = 'plumbline-demo';
const region = regions[0].slug;
const pollMs = 20;
const actionMs = 30_000;

export interface Volume {
  id: string;
  name: string;
  droplet_ids: number[] | null;
}

interface Action {
  id: number;
  status: 'in-progress' | 'completed' | 'errored';
  completed_at: string | null;
}

/** Nothing when the name is taken. */
export async function createVolume(api: ApiClient, sizeGib: number): Promise<Volume | undefined> {
  const body = { name: demoName, size_gigabytes: sizeGib, region };
  try {
    return (await api.ask<{ volume: Volume }>('POST', '/v2/volumes', body)).volume;
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 409) return undefined;
    throw error;
  }
}

export const attachTo = (droplet_id: number) => ({ type: 'attach', droplet_id });
export const detachFrom = (droplet_id: number) => ({ type: 'detach', droplet_id });
export const growTo = (size_gigabytes: number) => ({ type: 'resize', size_gigabytes });

export async function deleteVolume(api: ApiClient, { id }: Volume): Promise<void> {
  await api.ask<undefined>('DELETE', `/v2/volumes/${id}`);
}

/** Asks for an action and waits for its end, as clients do: by asking for it again. */
export async function act(api: ApiClient, { id }: Volume, body: { type: string }): Promise<void> {
  const asked = await api.ask<{ action: Action }>('POST', `/v2/volumes/${id}/actions`, body);
  const ended = await waitFor(
    async () => {
      const { action } = await api.ask<{ action: Action }>('GET', `/v2/actions/${asked.action.id}`);
      return action.completed_at !== null && action;
    },
    { what: `the end of the ${body.type}`, deadlineMs: actionMs, everyMs: pollMs },
  );
  if (ended.status !== 'completed') throw new StackError(`the ${body.type} ended ${ended.status}`);
}

/** Removes, as a customer would, the volume of a demo that was interrupted. Answers what it removed. */
export async function removeLeftover(api: ApiClient): Promise<Volume[]> {
  const query = `?name=${demoName}&region=${region}`;
  const { volumes } = await api.ask<{ volumes: Volume[] }>('GET', `/v2/volumes${query}`);
  for (const volume of volumes) {
    for (const droplet_id of volume.droplet_ids ?? []) await act(api, volume, detachFrom(droplet_id));
    await deleteVolume(api, volume);
  }
  return volumes;
}
