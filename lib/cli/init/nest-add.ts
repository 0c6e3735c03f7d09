import { formatSteps } from './format-plan.js';
import { planInit } from './plan-init.js';

/** Parts of `Tree` and `SchematicContext` of `@angular-devkit/schematics` that are used. */
interface Tree {
  read(path: string): Buffer | null;
  create(path: string, content: string): void;
  overwrite(path: string, content: string): void;
  getDir(path: string): { visit(visitor: (path: string) => void): void };
}

interface SchematicContext {
  readonly logger: { info(message: string): void };
}

/** Creates the schematic that `nest add nestjs-xenioo` runs: `init` with the default options. */
export function nestAdd(options: {
  readonly sourceRoot?: string;
}): (tree: Tree, context: SchematicContext) => void {
  return (tree, { logger }) => {
    const plan = planInit(
      {
        read: path => tree.read(path)?.toString(),
        list: folder => {
          const paths: string[] = [];
          tree.getDir(folder).visit(path => paths.push(path.slice(1)));
          return paths;
        },
      },
      {
        sourceRoot: options.sourceRoot,
        config: true,
        userAgent: process.env['npm_config_user_agent'],
      },
    );
    for (const { path, before, after } of plan.changes) {
      if (before === undefined) tree.create(path, after);
      else tree.overwrite(path, after);
    }
    if (plan.steps.length > 0) logger.info(`Next:\n${formatSteps(plan)}`);
  };
}
