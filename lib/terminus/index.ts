/**
 * Health indicator for `@nestjs/terminus`.
 * @module nestjs-xenioo/terminus
 */

export {
  XeniooHealthIndicator,
  type XeniooHealthLimits,
} from './xenioo.health-indicator.js';
export { XeniooTerminusModule } from './xenioo-terminus.module.js';
