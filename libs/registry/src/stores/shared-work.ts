/** Work under way, by what it is for: who asks for the same while it lasts gets the same. */
export class SharedWork<T> {
  private readonly underWay = new Map<string, Promise<T>>();

  of(key: string, begin: () => Promise<T>): Promise<T> {
    const known = this.underWay.get(key);
    if (known !== undefined) return known;
    const work = begin().finally(() => this.underWay.delete(key));
    this.underWay.set(key, work);
    return work;
  }
}
