/**
 * Traces and metrics for OpenTelemetry.
 * @module nestjs-xenioo/opentelemetry
 */

export { XeniooOpenTelemetryModule } from './xenioo-opentelemetry.module.js';
