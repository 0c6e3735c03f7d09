import {
  Controller,
  Get,
  Header,
  StreamableFile,
  UseGuards,
} from '@nestjs/common';
import { createReadStream } from 'node:fs';
import { StaffGuard } from './staff.guard.js';

const PAGE = new URL('../public/', import.meta.url);

/** The build of Chart.js for a script element, next to its module. */
const CHART = new URL('chart.umd.min.js', import.meta.resolve('chart.js'));

/** Allows no script, style or request other than those of this application. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; frame-ancestors 'none'";

@Controller()
@UseGuards(StaffGuard)
export class PageController {
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', POLICY)
  page() {
    return file('index.html');
  }

  @Get('page.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  style() {
    return file('page.css');
  }

  @Get('page.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  script() {
    return file('page.js');
  }

  @Get('chart.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  chart() {
    return new StreamableFile(createReadStream(CHART));
  }
}

function file(name: string) {
  return new StreamableFile(createReadStream(new URL(name, PAGE)));
}
