export { Crm } from '@builds/library';
