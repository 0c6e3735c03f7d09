/** Names of the stages that are all of the others. */
export const WALK = 'the whole walk';
export const WALK_WITHOUT_DEDUPE = 'the whole walk, `dedupe: false`';
