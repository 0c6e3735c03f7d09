import { applyDecorators, SetMetadata } from '@nestjs/common';

const RESPONSES = {
  200: { description: 'The events are accepted.' },
  401: { description: 'The API Secret is missing or wrong.' },
  503: { description: 'The events could not be stored; nothing is accepted.' },
};

/**
 * Describes a controller to `@nestjs/swagger`, or leaves it out. Sets the metadata
 * of its decorators `ApiExcludeController()`, `ApiBearerAuth()` and
 * `ApiResponse()`, because the package is optional.
 */
export function DescribeInOpenapi(isShown: boolean): ClassDecorator {
  return isShown
    ? applyDecorators(
        SetMetadata('swagger/apiSecurity', [{ bearer: [] }]),
        SetMetadata('swagger/apiResponse', RESPONSES),
      )
    : SetMetadata('swagger/apiExcludeController', [true]);
}
