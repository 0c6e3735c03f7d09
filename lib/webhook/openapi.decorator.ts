import { applyDecorators, SetMetadata } from '@nestjs/common';

const RESPONSES = {
  200: { description: 'The events are accepted.' },
  401: { description: 'The API Secret is missing or wrong.' },
  503: { description: 'The events could not be stored; nothing is accepted.' },
};

/**
 * Describes a controller in the OpenAPI document of `@nestjs/swagger`, or excludes it.
 * The package is optional, so the metadata of `ApiExcludeController()`,
 * `ApiBearerAuth()` and `ApiResponse()` is set here.
 */
export function DescribeInOpenapi(isShown: boolean): ClassDecorator {
  return isShown
    ? applyDecorators(
        SetMetadata('swagger/apiSecurity', [{ bearer: [] }]),
        SetMetadata('swagger/apiResponse', RESPONSES),
      )
    : SetMetadata('swagger/apiExcludeController', [true]);
}
