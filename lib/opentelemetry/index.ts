export { XeniooOpenTelemetryModule } from './xenioo-opentelemetry.module.js';
