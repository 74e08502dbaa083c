import { BullModule } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { JobProcessor } from './job-processor.js';
import { workerConnection } from './redis.js';
import { TolerantWorker } from './tolerant-worker.js';

/**
 * Runs the processors of a worker process. Jobs are taken from the moment Nest has initialized the application; closing it
 * ends each handler's signal and waits for what is under way.
 */
@Module({})
export class QueueModule {
  static register({
    redisUrl,
    processors,
  }: {
    redisUrl: string;
    processors: readonly JobProcessor[];
  }): DynamicModule {
    BullModule.workerClass = TolerantWorker;
    return {
      module: QueueModule,
      imports: [BullModule.forRoot({ connection: workerConnection(redisUrl) }), BullModule.registerQueue()],
      providers: processors.map((processor) => ({
        provide: `processor of ${processor.queue}`,
        useValue: processor,
      })),
    };
  }
}
