import { Module } from '@nestjs/common';
import type { DynamicModule, Provider, Type } from '@nestjs/common';
import type { Callers } from './http/caller.js';
import type { OperatorToken } from './http/bearer.guard.js';
import type { Links } from './http/links.js';
import type { AccountBook } from './ops/account-book.js';
import { AccountsController } from './ops/accounts.controller.js';
import { DiscrepanciesController } from './ops/discrepancies.controller.js';
import type { AdoptionDesk } from './ops/adoption-desk.js';
import { AdoptionsController } from './ops/adoptions.controller.js';
import type { DiscrepancyDesk } from './ops/discrepancy-desk.js';
import type { HaltDesk } from './ops/halt-desk.js';
import { HaltController } from './ops/halt.controller.js';
import type { IntentDesk } from './ops/intent-desk.js';
import { IntentsController } from './ops/intents.controller.js';
import type { RepairDesk } from './ops/repair-desk.js';
import { RepairsController } from './ops/repairs.controller.js';
import type { ScrubControls } from './ops/scrub-controls.js';
import { ScrubController } from './ops/scrub.controller.js';
import type { StateBooks } from './ops/state-books.js';
import { StateController } from './ops/state.controller.js';
import type { ThrottleDesk } from './ops/throttle-desk.js';
import { ThrottlesController } from './ops/throttles.controller.js';
import type { Truths } from './ops/truths.js';
import type { VmInventory } from './ops/vm-inventory.js';
import { VmsController } from './ops/vms.controller.js';
import { AccountController } from './v2/account.controller.js';
import type { ActionFinder } from './v2/action-finder.js';
import type { ActionRequests } from './v2/action-requests.js';
import { ActionsController } from './v2/actions.controller.js';
import type { Creations } from './v2/creation.js';
import type { Deletions } from './v2/deletion.js';
import { DropletsController } from './v2/droplets.controller.js';
import type { Presenter } from './v2/presenter.js';
import type { VmFinder } from './v2/vm-finder.js';
import { VolumeActionsController } from './v2/volume-actions.controller.js';
import type { VolumeFinder } from './v2/volume-finder.js';
import { VolumesController } from './v2/volumes.controller.js';

/** What the controllers work with, one of each. */
export type Services = readonly (
  | AccountBook
  | ActionFinder
  | ActionRequests
  | AdoptionDesk
  | Callers
  | Creations
  | Deletions
  | DiscrepancyDesk
  | HaltDesk
  | IntentDesk
  | Links
  | OperatorToken
  | Presenter
  | RepairDesk
  | ScrubControls
  | StateBooks
  | ThrottleDesk
  | Truths
  | VmFinder
  | VmInventory
  | VolumeFinder
)[];

export const CONTROLLERS: readonly Type[] = [
  VolumeActionsController,
  VolumesController,
  ActionsController,
  DropletsController,
  AccountController,
  AccountsController,
  VmsController,
  StateController,
  AdoptionsController,
  DiscrepanciesController,
  ScrubController,
  RepairsController,
  IntentsController,
  HaltController,
  ThrottlesController,
];

@Module({})
export class AppModule {
  /** The services are made by whoever knows the outer world; here they only meet the controllers. */
  static of(services: Services): DynamicModule {
    const providers: Provider[] = services.map((service) => ({
      provide: service.constructor as Type,
      useValue: service,
    }));
    return { module: AppModule, controllers: [...CONTROLLERS], providers };
  }
}
