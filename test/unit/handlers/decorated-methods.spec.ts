import { expect, it } from 'vitest';
import {
  addDecoratedMethod,
  decoratedMethodsOf,
  drainUncheckedPrototypes,
} from '../../../lib/handlers/decorated-methods.js';
import { forgetCheckedClasses } from '../../support/forget-checked-classes.js';

it('lists each decorated method of a class once, and none of its base class', () => {
  class Crm {}
  class VipCrm extends Crm {}
  addDecoratedMethod(Crm.prototype, 'save');
  addDecoratedMethod(Crm.prototype, 'save');
  addDecoratedMethod(VipCrm.prototype, 'greet');

  expect(decoratedMethodsOf(Crm.prototype)).toEqual(['save']);
  expect(decoratedMethodsOf(VipCrm.prototype)).toEqual(['greet']);
});

it('gives decorated classes to the first application that checks them, and keeps none', () => {
  forgetCheckedClasses();
  class Crm {}
  class Late {}
  addDecoratedMethod(Crm.prototype, 'save');

  expect(drainUncheckedPrototypes()).toEqual([Crm.prototype]);
  addDecoratedMethod(Late.prototype, 'save');
  expect(drainUncheckedPrototypes()).toEqual([]);
});
