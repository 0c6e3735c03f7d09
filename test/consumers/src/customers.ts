import { Injectable } from '@nestjs/common';

/** Keeps what people wrote; another app would have a database here. */
@Injectable()
export class Customers {
  private readonly messages = new Map<string, string[]>();

  async addMessage(name: string, text: string): Promise<void> {
    this.messages.set(name, [...(await this.messagesOf(name)), text]);
  }

  async messagesOf(name: string): Promise<string[]> {
    return this.messages.get(name) ?? [];
  }
}
