import {
  Body,
  Controller,
  HttpCode,
  Module,
  Post,
  UseGuards,
} from '@nestjs/common';
import { XeniooGuard } from '../../../sample/05-by-hand/src/xenioo.guard.js';
import type { Contestant } from '../contestant.js';
import { createRoomyApp } from './adapters.js';
import { listen, type Served } from './served.js';

@Controller('plain')
@UseGuards(XeniooGuard)
class PlainController {
  @Post()
  @HttpCode(200)
  receive(@Body() _body: unknown): void {}
}

@Module({ controllers: [PlainController] })
class PlainModule {}

/** Serves a route with a guard that ignores the body, which Nest has parsed. */
export async function servePlain({ adapter }: Contestant): Promise<Served> {
  const app = await createRoomyApp(PlainModule, adapter);
  return { urls: await listen(app, '/plain') };
}
