export {
  XeniooInspectorModule,
  type XeniooInspectorModuleAsyncOptions,
  type XeniooInspectorModuleOptions,
} from './xenioo-inspector.module.js';
export type {
  XeniooInspectorDefinitionOptions,
  XeniooInspectorOptions,
} from './inspector.options.js';
