import { expect, it } from 'vitest';
import {
  addDecoratedMethod,
  decoratedMethodsOf,
  drainUncheckedPrototypes,
} from '../../../lib/handlers/decorated-methods.js';
import { forgetCheckedClasses } from '../../support/forget-checked-classes.js';

it('decoratedMethodsOf() lists each decorated method of a class once, without those of its base class', () => {
  class Crm {}
  class VipCrm extends Crm {}
  addDecoratedMethod(Crm.prototype, 'save');
  addDecoratedMethod(Crm.prototype, 'save');
  addDecoratedMethod(VipCrm.prototype, 'greet');

  expect(decoratedMethodsOf(Crm.prototype)).toEqual(['save']);
  expect(decoratedMethodsOf(VipCrm.prototype)).toEqual(['greet']);
});

it('drainUncheckedPrototypes() returns each decorated class to the first application only', () => {
  forgetCheckedClasses();
  class Crm {}
  class Late {}
  addDecoratedMethod(Crm.prototype, 'save');

  expect(drainUncheckedPrototypes()).toEqual([Crm.prototype]);
  addDecoratedMethod(Late.prototype, 'save');
  expect(drainUncheckedPrototypes()).toEqual([]);
});
