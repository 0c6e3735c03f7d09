import {
  BadRequestException,
  Controller,
  Get,
  NotFoundException,
  Param,
  ParseIntPipe,
  Query,
  UseGuards,
} from '@nestjs/common';
import { storable } from './schema.js';
import { StaffGuard } from './staff.guard.js';
import { Statistics } from './statistics.js';
import { Transcripts } from './transcripts.js';

/** The data of the page. */
@Controller('api')
@UseGuards(StaffGuard)
export class TranscriptsController {
  constructor(
    private readonly transcripts: Transcripts,
    private readonly statistics: Statistics,
  ) {}

  @Get('conversations')
  conversations(@Query('search') search: unknown) {
    return this.transcripts.conversations(wordsOf(search));
  }

  @Get('conversations/:id')
  async conversation(
    @Param('id', ParseIntPipe) id: number,
    @Query('before', new ParseIntPipe({ optional: true })) before?: number,
  ) {
    const ids = [id, before ?? 0];
    const found = ids.every(Number.isSafeInteger)
      ? await this.transcripts.conversation(id, before)
      : undefined;
    if (!found) throw new NotFoundException();
    return found;
  }

  @Get('unmatched')
  unmatched(@Query('search') search: unknown) {
    return this.transcripts.unmatched(wordsOf(search));
  }

  @Get('statistics')
  figures() {
    return this.statistics.latest();
  }
}

/** PostgreSQL rejects very long words. */
const MOST_CHARACTERS = 200;

function wordsOf(search: unknown = ''): string {
  if (typeof search !== 'string') throw new BadRequestException();
  return storable(search, MOST_CHARACTERS)!.trim();
}
