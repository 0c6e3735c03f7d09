import {
  IsDateString,
  IsEnum,
  IsOptional,
  IsString,
  ValidateIf,
} from 'class-validator';

export enum XeniooEventType {
  BotMessage,
  UserMessage,
  ConversationError,
  IntentUpdated,
  IntentDeleted,
  EntityUpdated,
  EntityDeleted,
  UnmatchedMessage,
  UserConnected,
  UserReturned,
  TakeOver,
  HandOver,
  Fallback,
  WrongReply,
}

/** An event with the fields of Xenioo's documentation. */
export class XeniooEventDto {
  @IsEnum(XeniooEventType)
  Type!: XeniooEventType;

  // Documented messages have these four fields, which the CRM needs.
  @ValidateIf(isMessage)
  @IsString()
  Data?: string;

  @ValidateIf(isMessage)
  @IsDateString()
  Date?: string;

  @ValidateIf(isMessage)
  @IsString()
  ConversationId?: string;

  @ValidateIf(isMessage)
  @IsString()
  UserName?: string;

  @IsOptional()
  @IsString()
  ItemType?: string;

  @IsOptional()
  @IsString()
  ItemSubType?: string;

  @IsOptional()
  @IsString()
  BotToken?: string;

  @IsOptional()
  @IsString()
  AccountName?: string;

  @IsOptional()
  @IsString()
  Channel?: string;

  @IsOptional()
  @IsString()
  Text?: string;

  @IsOptional()
  @IsString()
  Name?: string;

  @IsOptional()
  @IsString()
  Key?: string;
}

function isMessage({ Type }: XeniooEventDto): boolean {
  return (
    Type === XeniooEventType.BotMessage || Type === XeniooEventType.UserMessage
  );
}
