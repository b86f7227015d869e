/*
 * The life of one grant with everybody at it at once: two leads (both are needed), the customer, the
 * engineer who asked (and tries to approve, too), somebody who revokes, the clock and the warden, in
 * every order there is.  The table is the code's own (table.c prints it).  Or it is an extension of
 * another grant, which is approved like a request and never becomes an account of its own.  Or a rule
 * has approved it in the leads' place as it was made, and the customer's word alone is needed.  Or it is
 * break-glass, with all that it takes given before.
 *
 * One request is one transaction, so a step here is atomic, as in the keeper.  With -DTORN a step reads
 * in one and writes in another, as it would without transactions; with -DTWICE an approval is counted
 * without looking who has given one; with -DLATE the clock's verdict is not looked at; then spin must
 * find what goes wrong: tests/module/spin.sh sees to that.
 */
#include "table.pml"

#define FINAL(s) (s == ENDED || s == DENIED || s == CANCELLED || s == LAPSED)

byte state = PENDING;
bool over;			/* the time of the present state is over */
byte leads, customers;		/* approvals that count */
bool by[2], by_customer;	/* who gave them */
byte accounts, evictions;	/* made, and ended, ever */
bool making;			/* the warden has not said yet whether the account could be made */
byte unmade;			/* how often it could not */
byte closed;			/* how often it came to an end */
bool was_over_at_approval;
bool extension, rule, glass;	/* chosen before anything happens */

/* What grant_step() does: an event in a state, while the time is or is not over. */
inline step(event, ok) {
	ok = table[state * EVENTS + event] != 0;
#ifndef LATE
	ok = ok && (event == E_TIMEOUT -> over : (!over || event == E_GONE || event == E_UNMADE))
#else
	ok = ok && (event != E_TIMEOUT || over)
#endif
}

/* What lb_move() does with what came of it. */
inline move(event) {
	before = state;
	state = table[state * EVENTS + event];
	/* a new state begins with a new time, or with none */
	if
	:: state != before -> over = false
	:: else
	fi;
	if
	:: event == E_CLAIM && before == APPROVED -> accounts++; making = true
	/* nothing of it ever was */
	:: event == E_UNMADE -> accounts--; unmade++
	:: state == ENDING && before == ACTIVE -> evictions++
	:: FINAL(state) && before != ACTIVE -> closed++
	/* the warden did it all by its own clock */
	:: FINAL(state) && before == ACTIVE -> evictions++; closed++
	:: else
	fi
}

#ifdef TORN
#define BEGIN
#define END
#else
#define BEGIN atomic {
#define END }
#endif

/* One act of somebody: looked at and done in one transaction, or refused. */
#define ACT(event) \
	BEGIN step(event, ok); \
	if \
	:: ok -> move(event) \
	:: else \
	fi END

proctype lead(byte me) {
	bool ok, mine;
	byte before, event, tries = 0;

	do
	:: tries < 2 ->
		tries++;
		BEGIN
		/* The level that waits is the leads': two of them; afterwards it is the customer's. */
		event = (leads + 1 == 2 -> E_NOTIFY : E_APPROVE);
		step(event, ok);
		mine = by[me];
#ifndef TWICE
		ok = ok && !mine;
#endif
		ok = ok && leads < 2 && !rule;
		if
		:: ok ->
			was_over_at_approval = was_over_at_approval || over;
			by[me] = true;
			leads++;
			move(event)
		:: else
		fi
		END
	:: tries > 0 -> ACT(E_DENY); break
	:: tries > 0 -> break
	od
}

proctype customer() {
	bool ok;
	byte before, event;

	BEGIN
	event = (extension -> E_EXTEND : E_APPROVE_LAST);
	step(event, ok);
	/* Its level comes after the leads'. */
	ok = ok && (leads == 2 || rule) && !by_customer;
	if
	:: ok ->
		was_over_at_approval = was_over_at_approval || over;
		by_customer = true;
		customers++;
		move(event)
	:: else
	fi
	END;
	if
	:: ACT(E_REVOKE)
	:: ACT(E_DENY)
	:: skip
	fi
}

proctype engineer() {
	bool ok;
	byte before;

	do
	:: ACT(E_CLAIM)
	:: ACT(E_CANCEL); break
	:: ACT(E_END); break
	:: break
	od
}

proctype revoker() {
	bool ok;
	byte before;

	if
	:: ACT(E_REVOKE)
	:: skip
	fi
}

/* Time runs out in whatever state, and then the keeper is woken. */
active proctype clock() {
	bool ok;
	byte before;

end:	do
	:: atomic { !over && (state == PENDING || state == CUSTOMER_NOTIFIED || state == APPROVED ||
			      state == ACTIVE) -> over = true }
	:: over && !FINAL(state) && state != ENDING -> ACT(E_TIMEOUT)
	od
}

active proctype warden() {
	bool ok;
	byte before;

	/* Its clock may be first, at most once. */
	bool first = true;

end:	do
	:: making -> making = false	/* it was made */
	:: making && unmade < 2 -> making = false; ACT(E_UNMADE)
	:: !making && first && (state == ACTIVE || FINAL(state)) -> first = false; ACT(E_GONE)
	:: !making && state == ENDING -> ACT(E_GONE)
	od
}

init {
	byte before;

	atomic {
		make_table();
		if
		:: extension = true
		:: glass = true; move(E_APPROVE_LAST)
		:: skip
		fi;
		if
		:: !glass -> rule = true; move(E_NOTIFY)
		:: skip
		fi;
		run lead(0);
		run lead(1);
		run customer();
		run engineer();
		run revoker()
	}
}

/* What holds after each step, whoever was first. */
active proctype monitor() {
end:	atomic {
		!(leads <= 2 && customers <= 1 && accounts <= 1 && evictions <= accounts &&
		  closed <= 1 && (closed == 0 || FINAL(state)) && !was_over_at_approval &&
		  /* each lead counts once, and both before the customer */
		  leads == (by[0] -> 1 : 0) + (by[1] -> 1 : 0) && (customers == 0 || leads == 2 || rule) &&
		  /* where a rule approves nobody else counts, and the customer is asked all the same */
		  (!(rule || glass) || leads == 0) &&
		  /* nothing is had that was not approved, and what was had is ended */
		  (accounts == 0 || customers == 1 || glass) && (!glass || customers == 0) &&
		  (!(state == ACTIVE || state == ENDING || (state == ENDED && !extension)) ||
		   accounts == 1) &&
		  (state != ENDED || extension || evictions == 1) &&
		  /* what could not be made is approved as before, and no account is left of it */
		  (state != APPROVED || (accounts == 0 && evictions == 0)) &&
		  /* more time is had as approved, too, and there is no second account for it */
		  (!extension || (accounts == 0 && (state != ENDED || customers == 1)))) ->
			assert(false)
	}
}

#ifdef ENDS
/* It always comes to an end: the clock and the warden do their work. */
ltl ends { <> FINAL(state) }
#endif
