import { Refusal } from '@plumbline/domain';
import type {
  AccountAsRead,
  ActionRecord,
  AnyIntentDefinition,
  IntentCatalog,
  VolumeId,
} from '@plumbline/domain';
import type { ActionRequest } from '@plumbline/domain';
import { parseBody } from '../http/body.js';
import type { Intake } from '../intake.js';
import { parseType } from './bodies.js';

type Requestable = AnyIntentDefinition & { readonly request: ActionRequest<never> };

/**
 * Actions on volumes, as the catalogue of intents offers them: a new kind with a `request` is served from the moment it is
 * in the catalogue, and nothing here knows any kind by name.
 */
export class ActionRequests {
  private readonly byType: ReadonlyMap<string, AnyIntentDefinition>;

  constructor(
    catalog: IntentCatalog,
    private readonly intake: Intake,
  ) {
    const requestable = [...catalog.values()].filter(isRequestable);
    this.byType = new Map(requestable.map((definition) => [definition.request.type, definition]));
  }

  /** The types that a body may ask for. */
  get types(): readonly string[] {
    return [...this.byType.keys()];
  }

  /**
   * Records what the body asks for, without waiting for it.
   * @throws Refusal
   */
  async record(order: {
    account: AccountAsRead;
    volumeId: VolumeId;
    body: unknown;
    requestId: string;
    only?: readonly string[];
  }): Promise<ActionRecord> {
    const { account, body, requestId, volumeId } = order;
    const definition = this.definitionOf(parseType(body), order.only ?? this.types);
    const asked = parseBody(definition.request.body, body);
    const params = definition.params.parse(definition.request.params(volumeId, asked));
    const { action } = await this.intake.record({ definition, params, account, requestId });
    return action;
  }

  private definitionOf(type: string, types: readonly string[]) {
    const definition = types.includes(type) ? this.byType.get(type) : undefined;
    if (definition?.request !== undefined) return { ...definition, request: definition.request };
    throw new Refusal('unprocessable_entity', `type must be one of ${types.join(', ')}`, { field: 'type' });
  }
}

function isRequestable(definition: AnyIntentDefinition): definition is Requestable {
  return definition.request !== undefined;
}
