import { uncheckedPrototypes } from '../../lib/handlers/decorated-methods.js';

// Spec files share a process: no application of one is to warn of the classes of another.
uncheckedPrototypes();
