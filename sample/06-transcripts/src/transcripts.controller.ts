import {
  Controller,
  Get,
  Param,
  ParseIntPipe,
  Query,
  UseGuards,
} from '@nestjs/common';
import { StaffGuard } from './staff.guard.js';
import { Statistics } from './statistics.js';
import { Transcripts } from './transcripts.js';

const DAYS = 30;

/** The data of the page. */
@Controller('api')
@UseGuards(StaffGuard)
export class TranscriptsController {
  constructor(
    private readonly transcripts: Transcripts,
    private readonly statistics: Statistics,
  ) {}

  @Get('conversations')
  conversations(@Query('search') search?: string | string[]) {
    const words = String(search ?? '').trim();
    return words === ''
      ? this.transcripts.latest()
      : this.transcripts.search(words);
  }

  @Get('conversations/:id')
  entries(@Param('id', ParseIntPipe) id: number) {
    return this.transcripts.entries(id);
  }

  @Get('statistics')
  async figures() {
    const [days, channels] = await Promise.all([
      this.statistics.byDay(DAYS),
      this.statistics.messagesByChannel(DAYS),
    ]);
    return { days, channels };
  }
}
