// One gift: a parcel in wrapping paper, around which a ribbon in the giver's colour is tied when it is reserved.
import { memo, type CSSProperties } from "react";
import type { Gift, User } from "./model.js";

export interface ParcelProps {
  readonly id: string;
  readonly gift: Gift;
  /** Who reserved it, when somebody did and is known. */
  readonly giver: User | undefined;
  readonly isMine: boolean;
  readonly onToggle: (id: string) => void;
}

export const Parcel = memo(function Parcel({ id, gift, giver, isMine, onToggle }: ParcelProps) {
  const isReserved = gift.reservedBy !== null;
  const giverName = isMine ? "you" : (giver?.name ?? "somebody");
  const isBook = gift.author !== undefined;
  return (
    <li className="parcel" data-gift={id} data-reserved={isReserved} style={{ "--ribbon-hue": giver?.hue ?? 0 } as CSSProperties}>
      <div className={`paper paper-${Math.abs(Math.trunc(gift.paper)) % 6}`} aria-hidden="true">
        {isReserved && <Ribbon />}
        {isBook ? <Cover title={gift.title} /> : <span className="sticker">{gift.emoji}</span>}
        {isReserved && <Bow />}
        {isReserved && (
          <span className="tag">
            <span>{giver?.emoji ?? "🙂"}</span> {isMine ? "You" : (giver?.name ?? "Somebody")}
          </span>
        )}
      </div>
      <div className="label">
        <h3>{gift.title}</h3>
        {gift.author && <p className="author">{gift.author}</p>}
        {isReserved && !isMine ? (
          <p className="taken">Reserved by {giverName}</p>
        ) : (
          <button type="button" className={isReserved ? "" : "primary"} onClick={() => onToggle(id)} aria-label={`${isReserved ? "Unreserve" : "Reserve"} ${gift.title}`}>
            {isReserved ? "Unreserve" : "Reserve"}
          </button>
        )}
      </div>
    </li>
  );
});

function Cover({ title }: { readonly title: string }) {
  return (
    <span className="cover">
      <span>{title}</span>
    </span>
  );
}

function Ribbon() {
  return (
    <>
      <span className="band band-down" />
      <span className="band band-across" />
    </>
  );
}

function Bow() {
  return (
    <svg className="bow" viewBox="0 0 120 80">
      <path className="bow-tail" d="M56 42 36 78l14-4 8 6 6-36zM64 42l20 36-14-4-8 6-6-36z" />
      <path className="bow-loop" d="M58 38C44 12 18 4 9 14 0 25 16 46 58 42zM62 38C76 12 102 4 111 14c9 11-7 32-49 28z" />
      <path className="bow-fold" d="M55 38C44 26 30 20 22 23c6 10 20 16 33 17zM65 38c11-12 25-18 33-15-6 10-20 16-33 17z" />
      <rect className="bow-knot" x="50" y="30" width="20" height="20" rx="7" />
    </svg>
  );
}
