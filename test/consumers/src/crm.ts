import { Injectable } from '@nestjs/common';
import {
  OnXenioo,
  TakeOverEvent,
  UserMessageEvent,
  XeniooEventType,
} from 'nestjs-xenioo';
import { Customers } from './customers.js';

@Injectable()
export class Crm {
  constructor(private readonly customers: Customers) {}

  @OnXenioo(XeniooEventType.UserMessage)
  async saveMessage({ userName, text }: UserMessageEvent): Promise<void> {
    await this.customers.addMessage(userName ?? 'unknown', text ?? '');
  }

  @OnXenioo(XeniooEventType.TakeOver)
  async noteTakeOver({ userName }: TakeOverEvent): Promise<void> {
    await this.customers.addMessage(userName ?? 'unknown', '(taken over)');
  }
}
