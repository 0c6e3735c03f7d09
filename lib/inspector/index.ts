/**
 * Web page that shows events, handler runs, dead letters and strikes.
 * @module nestjs-xenioo/inspector
 */

export {
  XeniooInspectorModule,
  type XeniooInspectorModuleAsyncOptions,
  type XeniooInspectorModuleOptions,
} from './xenioo-inspector.module.js';
export type {
  XeniooInspectorDefinitionOptions,
  XeniooInspectorOptions,
  XeniooInspectorOptionsFactory,
} from './inspector.options.js';
