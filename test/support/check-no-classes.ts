import { drainUncheckedPrototypes } from '../../lib/handlers/decorated-methods.js';

// An application of a spec has some of the classes that its process loads: it is not to warn of the others.
drainUncheckedPrototypes();
