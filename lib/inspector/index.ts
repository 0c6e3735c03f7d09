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
