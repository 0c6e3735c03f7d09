import { plainToInstance } from 'class-transformer';
import { IsNotEmpty, IsString, validateSync } from 'class-validator';

/** Environment variables of the application. */
export class Environment {
  @IsString()
  @IsNotEmpty()
  SUPPORT_BOT_TOKEN!: string;

  @IsString()
  @IsNotEmpty()
  SUPPORT_BOT_SECRET!: string;

  @IsString()
  @IsNotEmpty()
  SHOP_BOT_TOKEN!: string;

  @IsString()
  @IsNotEmpty()
  SHOP_BOT_SECRET!: string;
}

/** Validates the variables for `ConfigModule.forRoot({ validate })`. The error names the missing ones and contains no value. */
export function validate(variables: Record<string, unknown>): Environment {
  const environment = plainToInstance(Environment, variables);
  const missing = validateSync(environment).map(({ property }) => property);
  if (missing.length > 0) {
    throw new Error(
      `${missing.join(', ')}: not set. Set it in the environment or in ${environmentFile()}.`,
    );
  }
  return environment;
}

export function environmentFile(): string {
  return `.env.${process.env.NODE_ENV ?? 'development'}`;
}
