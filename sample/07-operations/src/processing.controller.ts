import { Controller, HttpCode, Post, UseGuards } from '@nestjs/common';
import { XeniooProcessing } from 'nestjs-xenioo';
import { AdminGuard } from './admin.guard.js';

/** Pauses and resumes the handlers, for example for a maintenance of the CRM. Calls are accepted meanwhile. */
@Controller('processing')
@UseGuards(AdminGuard)
export class ProcessingController {
  constructor(private readonly processing: XeniooProcessing) {}

  @Post('pause')
  @HttpCode(200)
  async pause() {
    await this.processing.pause();
    return this.processing.stats();
  }

  @Post('resume')
  @HttpCode(200)
  async resume() {
    await this.processing.resume();
    return this.processing.stats();
  }
}
