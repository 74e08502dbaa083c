/** The images that fake VMs open. A fake Ceph may stand in its place, so that both see the same sizes. */
export interface ImageSizes {
  /** Null: there is no such image. */
  sizeBytes(pool: string, image: string): number | null;
  /** Sets whatever size it is told, smaller ones included. */
  resize(pool: string, image: string, sizeBytes: number): void;
}

export class FakeImages implements ImageSizes {
  private readonly sizes = new Map<string, number>();

  sizeBytes(pool: string, image: string): number | null {
    return this.sizes.get(`${pool}/${image}`) ?? null;
  }

  resize(pool: string, image: string, sizeBytes: number): void {
    this.sizes.set(`${pool}/${image}`, sizeBytes);
  }
}
