/*
 * Meeting by XX: rules 1-7 of PROTOCOL.md section 5 and the comparison code of 5.1, for spin.
 * Two honest parties A and B, one attacker E who is the network. README.md beside this says what is
 * abstracted. One process takes steps in any order, so every interleaving is a path.
 *
 *   TRIGGERS   of each person (so many sessions are begun)
 *   E0 E1 E2   how often E says "stale" for nothing; XX1 and XX2 that E makes up
 *   HONEST     no E: the network delivers each message once, in any order
 *   ATTEMPTS   that a trigger buys; 4 in PROTOCOL.md, fewer where the states would be too many
 *   NO_RULE_1 … NO_RULE_7 NO_COMMIT  leave something out, to see whether the model notices
 */
#ifndef TRIGGERS
#define TRIGGERS 1
#endif
#ifndef E0
#define E0 1
#endif
#ifndef E1
#define E1 1
#endif
#ifndef E2
#define E2 1
#endif
#define A 0
#define B 1
#define E 2
#ifndef K
#define K 6   /* XX1 that one of them can make, and XX2; one too many is an error */
#endif
#define N1 (3 * K + 1)
#ifndef ATTEMPTS
#define ATTEMPTS 4
#endif

/*
 * Each owner numbers what it makes by itself, from OWNER * K + 1 on: what two of them make at the same
 * time leads to one state, whoever was first.
 */
#define OWNER(id) (((id) - 1) / K)
#define NEWEST(count, p) ((p) * K + count[p])
/* XX1 x: its e as a number. Its r is committed to: part of x itself. */
byte e1[N1], count1[3];
/* XX2 y: which XX1 it answers. Its r is part of y itself. A run is its y. */
byte answers[N1], count2[3];
/* What the network has: XX1 and XX2 from their making on; XX3 and TRANSPORT of run y; stale. */
bool has3[N1], hasT[N1], stale[2];

/* Each honest party. 0 is none. */
byte kept[2];     /* an XX1 that waits for a trigger */
byte mine[2];     /* own XX1 that is out */
byte reply[2];    /* own XX2 that is out */
byte closing[2];  /* the XX2 that own XX3 closed */
byte next[2], current[2]; /* runs */
byte left[2], triggers[2];
bool shown[2];
/* Since the last trigger: attempts, for the assertion only. */
byte drawn[2];
/* Whether E knows all that the code of its run with p is made of, but what E may still choose. */
#ifdef NO_COMMIT
bool known[2], forced = false;
#define KNOWN(p) known[p] = true
#define UNKNOWN(p) known[p] = false
#else
#define KNOWN(p) skip
#define UNKNOWN(p) skip
#define forced false
#endif

#ifdef HONEST
byte sent1[2], sent2[2], sent3[2], sentT[2]; /* to the other, not delivered yet; 0 is none */
#define SEND(what, p, id) what[1 - (p)] = id
#else
#define SEND(what, p, id) skip
#endif

#ifdef NO_RULE_4
#define SAY_STALE(p) skip
#else
#define SAY_STALE(p) stale[p] = true
#endif

#ifdef NO_RULE_7
#define MAY_ATTEMPT(p) true
#else
#define MAY_ATTEMPT(p) (left[p] > 0 && !shown[p])
#endif

inline attempt(p)
{
    if
    :: left[p] > 0 -> left[p]--
    :: else -> skip
    fi;
    drawn[p]++;
    assert(drawn[p] <= ATTEMPTS);                      /* rule 7 */
    assert(!shown[p])                                  /* rule 7: none once a code was shown */
}

inline make1(p, number)
{
    count1[p]++;
    assert(count1[p] <= K);
    e1[NEWEST(count1, p)] = number
}

/* Each of B's is below A's or above; E's are below all honest ones, or above. */
inline draw_e(p)
{
    if
    :: p == A -> make1(p, 10)
    :: p == B -> make1(p, 5)
    :: p == B -> make1(p, 15)
    fi
}

inline open(p)
{
    draw_e(p);
    mine[p] = NEWEST(count1, p);
    SEND(sent1, p, mine[p])
}

inline answer(p, x)
{
    attempt(p);
    count2[p]++;
    assert(count2[p] <= K);
    reply[p] = NEWEST(count2, p);
    answers[reply[p]] = x;
    kept[p] = 0;
    mine[p] = 0;
    /* The responder's r goes out at once; an initiator who is E knows the code now. */
    if
    :: OWNER(x) == E -> KNOWN(p)
    :: else -> skip
    fi;
    SEND(sent2, p, reply[p])
}

inline trigger(p)
{
    triggers[p]++;
    left[p] = ATTEMPTS;
    drawn[p] = 0;
    shown[p] = false;
    UNKNOWN(p);
    if
#ifndef NO_RULE_1
    :: kept[p] != 0 && (mine[p] == 0 || e1[mine[p]] > e1[kept[p]]) && closing[p] == 0 ->
        answer(p, kept[p])                             /* rule 1 */
#endif
    :: else ->
        if
        :: mine[p] == 0 && reply[p] == 0 -> closing[p] = 0; open(p)
        :: else ->                                     /* rule 1: the same bytes again */
            SEND(sent1, p, mine[p]);
            SEND(sent2, p, reply[p])
        fi
    fi
}

inline receive1(p, x)
{
    if
#ifndef NO_RULE_5
    :: reply[p] != 0 && answers[reply[p]] == x -> SEND(sent2, p, reply[p])      /* rule 5 */
#endif
    :: else ->
        if
        :: mine[p] != 0 && closing[p] == 0 ->                                  /* rule 2 */
            if
#ifndef NO_RULE_2
            :: e1[mine[p]] < e1[x] -> SEND(sent1, p, mine[p])
            :: e1[mine[p]] > e1[x] && MAY_ATTEMPT(p) -> answer(p, x)
#else
            :: MAY_ATTEMPT(p) -> answer(p, x)
#endif
            :: else -> kept[p] = x
            fi
#ifndef NO_RULE_3
        :: mine[p] == 0 && reply[p] != 0 && MAY_ATTEMPT(p) -> answer(p, x)      /* rule 3 */
#endif
        :: else -> kept[p] = x
        fi
    fi
}

/* By the initiator. Unless E is the other side, that one has the session already. */
#define PROMOTE(p, y) current[p] = y; assert(OWNER(y) == E || hasT[y])

inline receive2(p, y)
{
    if
#ifndef NO_RULE_5
    :: y == closing[p] -> SEND(sent3, p, y)                                    /* rule 5 */
#endif
    :: mine[p] != 0 && answers[y] == mine[p] && closing[p] == 0 && MAY_ATTEMPT(p) ->
        attempt(p);
        closing[p] = y;                     /* one XX1 is answered by one XX3 */
        next[p] = y;
#ifdef NO_RULE_6
        PROMOTE(p, y);
#endif
        shown[p] = true;
        has3[y] = true;
        if
        :: OWNER(y) == E -> KNOWN(p)           /* XX3 tells E this side's r */
        :: else -> skip
        fi;
        SEND(sent3, p, y)
    :: else -> SAY_STALE(1 - p)                                                /* rule 4 */
    fi
}

/* What reads XX3 of run y: only the initiator of y can have written it. */
inline receive3(p, y)
{
    if
    :: y != 0 && y == reply[p] ->
        current[p] = y;                                                        /* rule 6 */
        reply[p] = 0;
        shown[p] = true;
        hasT[y] = true;
        SEND(sentT, p, y)
    :: else -> SAY_STALE(1 - p)
    fi
}

inline receiveT(p, y)
{
    if
    :: y != 0 && y == next[p] ->
        PROMOTE(p, y);                                                         /* rule 6 */
        next[p] = 0;
        mine[p] = 0
    :: else -> skip
    fi
}

/* Anybody can say so; it costs whoever hears it an XX1, from the attempts that there are. */
inline hear_stale(p)
{
    stale[p] = false;
    if
    :: reply[p] != 0 && kept[p] != 0 && MAY_ATTEMPT(p) -> reply[p] = 0; answer(p, kept[p])
    :: reply[p] != 0 && kept[p] == 0 && MAY_ATTEMPT(p) && left[p] >= 2 ->
        reply[p] = 0;
        attempt(p);
        open(p)
    :: else -> skip
    fi
}

/*
 * People compare what their peers show: the code of the run that is current, or next. Equal codes
 * of one run are no chance; equal codes of two runs are one in a million for each attempt.
 */
#define CODE(p) (next[p] != 0 -> next[p] : current[p])
#define PARTNER(p, y) (OWNER(y) == p -> OWNER(answers[y]) : OWNER(y))

inline compare()
{
    if
    :: CODE(A) != 0 && CODE(A) == CODE(B) && shown[A] && shown[B] ->
        assert(PARTNER(A, CODE(A)) == B && PARTNER(B, CODE(B)) == A)
    :: else -> skip
    fi
}

#ifndef HONEST
byte made0 = 0, made1 = 0, made2 = 0;

/* E takes any XX1, XX2 or run that there is, or none. */
inline choose(id, count)
{
    id = 0;
    do
    :: id < 3 * K -> id++
    :: id != 0 && (id - 1) % K < count -> break
    :: id == 3 * K -> id = 0; break
    od
}

/* What E makes is delivered at once, and may be again: before, nobody would have noticed it. */
inline attack(p)
{
    if
    :: made1 < E1 -> made1++;
        if
        :: make1(E, 1)
        :: make1(E, 30)
        fi;
        receive1(p, NEWEST(count1, E))
    :: made2 < E2 -> choose(id, count1[OWNER(id)]);
        if
        :: id != 0 && OWNER(id) != E ->
            made2++;
            count2[E]++;
            answers[NEWEST(count2, E)] = id;
            receive2(p, NEWEST(count2, E))
        :: else -> skip
        fi
    :: choose(id, count1[OWNER(id)]);
        if
        :: id != 0 && OWNER(id) != p -> receive1(p, id)
        :: else -> skip
        fi
    :: choose(id, count2[OWNER(id)]);
        if
        :: id != 0 && OWNER(id) != p -> receive2(p, id)
        :: else -> skip
        fi
    :: choose(id, count2[OWNER(id)]);
        /* E can close a run only where the XX1 is E's own. */
        if
        :: id != 0 && has3[id] -> receive3(p, id)
        :: id != 0 && !has3[id] && OWNER(answers[id]) == E && OWNER(id) == p ->
#ifdef NO_COMMIT
            /* r is chosen only now. If the other side's code is known, one can be searched that fits. */
            if
            :: reply[p] == id && known[1 - p] && shown[1 - p] -> forced = true
            :: else -> skip
            fi;
#endif
            receive3(p, id)
        :: else -> skip
        fi
    :: choose(id, count2[OWNER(id)]);
        if
        :: id != 0 && (hasT[id] || OWNER(id) == E) -> receiveT(p, id)
        :: else -> skip
        fi
    :: made0 < E0 -> made0++; hear_stale(p)
    :: stale[p] -> hear_stale(p)
    fi;
    id = 0
}
#endif

active proctype meeting()
{
    byte id = 0;

    do
    :: atomic { triggers[A] < TRIGGERS -> trigger(A) }
    :: atomic { triggers[B] < TRIGGERS -> trigger(B) }
#ifdef HONEST
    :: atomic { sent1[A] != 0 -> id = sent1[A]; sent1[A] = 0; receive1(A, id); id = 0 }
    :: atomic { sent1[B] != 0 -> id = sent1[B]; sent1[B] = 0; receive1(B, id); id = 0 }
    :: atomic { sent2[A] != 0 -> id = sent2[A]; sent2[A] = 0; receive2(A, id); id = 0 }
    :: atomic { sent2[B] != 0 -> id = sent2[B]; sent2[B] = 0; receive2(B, id); id = 0 }
    :: atomic { sent3[A] != 0 -> id = sent3[A]; sent3[A] = 0; receive3(A, id); id = 0 }
    :: atomic { sent3[B] != 0 -> id = sent3[B]; sent3[B] = 0; receive3(B, id); id = 0 }
    :: atomic { sentT[A] != 0 -> id = sentT[A]; sentT[A] = 0; receiveT(A, id); id = 0 }
    :: atomic { sentT[B] != 0 -> id = sentT[B]; sentT[B] = 0; receiveT(B, id); id = 0 }
    :: atomic { stale[A] -> hear_stale(A) }
    :: atomic { stale[B] -> hear_stale(B) }
    :: else -> break
#else
    :: atomic { attack(A); compare(); assert(!forced) }
    :: atomic { attack(B); compare(); assert(!forced) }
#endif
    od;
#ifdef HONEST
    compare();
    /* Nothing is under way any more: both have met, in the same session. */
    assert(current[A] != 0 && current[A] == current[B])
#endif
}
