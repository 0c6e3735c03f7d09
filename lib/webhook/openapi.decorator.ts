import { applyDecorators, SetMetadata } from '@nestjs/common';
import {
  eventsSchema,
  type EventsSchema,
  type JsonSchema,
} from '../events/events-schema.js';

// `@nestjs/swagger` is optional, so its metadata is set here, under the keys of its
// versions 11 and 12.

/** Excludes a controller from the OpenAPI document, as `ApiExcludeController()` does. */
export function ExcludeFromOpenapi(): ClassDecorator {
  return SetMetadata('swagger/apiExcludeController', [true]);
}

/** Describes the method that receives calls, or excludes it from the OpenAPI document. */
export function DescribeInOpenapi(isShown: boolean): MethodDecorator {
  if (!isShown) {
    return SetMetadata('swagger/apiExcludeEndpoint', { disable: true });
  }
  // The metadata of ApiOperation(), ApiBearerAuth(), ApiBody() and ApiResponse().
  return applyDecorators(
    SetMetadata('swagger/apiOperation', OPERATION),
    SetMetadata('swagger/apiSecurity', [{ bearer: [] }]),
    SetMetadata('swagger/apiParameters', [
      { in: 'body', type: String, required: true, schema: bodySchema() },
    ]),
    SetMetadata('swagger/apiResponse', RESPONSES),
  );
}

const OPERATION = {
  summary: 'Receive events of Xenioo',
  description:
    'Xenioo calls this webhook with the API Secret of the bot. Unless the application rejects invalid entries, any body is answered 200.',
};

const RESPONSES = {
  200: { description: 'The entries are accepted.' },
  400: {
    description:
      'An entry is invalid, and the application rejects invalid entries. Nothing is accepted.',
  },
  401: {
    description: 'The API Secret is missing or wrong.',
    headers: {
      'WWW-Authenticate': { schema: { type: 'string', enum: ['Bearer'] } },
    },
  },
  408: { description: 'The body did not arrive in time. Nothing is accepted.' },
  413: { description: 'The body is too large. Nothing is accepted.' },
  503: {
    description: 'The entries could not be stored. Nothing is accepted.',
  },
};

/** Returns the schema of a body in the dialect of OpenAPI 3.0, which `@nestjs/swagger` converts to 3.1 where needed. */
function bodySchema(): JsonSchema {
  const { $schema: _, $defs, ...body } = eventsSchema();
  return toOpenapi(body, $defs);
}

/** Replaces references by the definitions, and the type `null` by `nullable`. */
function toOpenapi(
  schema: JsonSchema,
  $defs: EventsSchema['$defs'],
): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
    const { $ref, type, ...rest } = Object(value) as JsonSchema;
    if (typeof $ref === 'string') {
      return toOpenapi($defs[$ref.replace('#/$defs/', '')]!, $defs);
    }
    return Array.isArray(type)
      ? { ...rest, type: type[0], nullable: true }
      : value;
  }) as JsonSchema;
}
