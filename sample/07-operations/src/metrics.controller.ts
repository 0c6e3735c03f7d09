import { Controller, Get, Req, Res } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { prometheus } from './telemetry.js';

@Controller('metrics')
export class MetricsController {
  @Get()
  read(@Req() request: IncomingMessage, @Res() response: ServerResponse) {
    prometheus.getMetricsRequestHandler(request, response);
  }
}
